//! The least that promises what `stateless-svc` promises of a session: its token says the same and is
//! checked here, the record can be ended and expires, a write sets one line and loses no other's, an answer
//! comes in time, and says who gave it and about whom. One file, one thread, nothing else: no routes but
//! four, no reasons why a session is over, no metrics, no log, no other changes than this one. What the
//! service costs above this is its structure; what this costs above a rival is the promises.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use jsonwebtoken::{DecodingKey, EncodingKey, Header};
use peers::promised::{self, IDLE_MS, KEY, LIVES_MS, Session, hash, now_ms};
use peers::{Cart, Item, broken};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, cmd};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How long a client waits for Redis at most.
const PATIENCE: Duration = Duration::from_millis(200);

// A record is 32 bytes of hash, 13 digits of the last use, then `created name`, and after a line break the
// cart, ` sku=quantity sku=quantity`. No use is written down: the service does that now and then.

/// ARGV: the hash, the time at which the caller gives up, the article, the quantity. A caller who has given up
/// was told so, and nothing may happen any more.
const WRITE: &str = "#!lua
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[2]) then return nil end
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, 32) == ARGV[1] and now - string.sub(held, 33, 45) < 1800000 then
  local line = ' ' .. ARGV[3] .. '='
  local from, to = string.find(held, line, 46, true)
  if from then
    held = string.sub(held, 1, to) .. ARGV[4] .. string.match(held, '^%d+(.*)$', to + 1)
  else
    held = held .. line .. ARGV[4]
  end
  redis.call('SET', KEYS[1], held, 'KEEPTTL')
  return string.sub(held, 33)
end";

#[derive(Serialize, Deserialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: Uuid,
    sid: Uuid,
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
    store_id: Uuid,
}

#[derive(Clone)]
struct App {
    redis: MultiplexedConnection,
    fixed: Arc<Fixed>,
}

struct Fixed {
    key: DecodingKey,
    write: String,
}

type Answer<T> = Result<T, StatusCode>;

// As stateless-svc has it: a floor with another allocator would be none.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut redis = peers::redis().await?;
    let write = peers::load(&mut redis, WRITE).await?;
    let fixed = Arc::new(Fixed { key: DecodingKey::from_secret(KEY), write });
    let app = Router::new()
        .route("/login", post(login))
        .route("/session", get(session))
        .route("/cart", get(cart))
        .route("/cart/items", put(set_item))
        .with_state(App { redis, fixed });
    peers::serve(app).await
}

async fn login(State(mut app): State<App>) -> Answer<Json<serde_json::Value>> {
    let (now_ms, sid, jti) = (now_ms(), Uuid::now_v7(), Uuid::new_v4());
    let (iat, exp) = (now_ms / 1000, (now_ms + LIVES_MS) / 1000);
    let (sub, store_id, iss, aud) = (Uuid::now_v7(), Uuid::new_v4(), "lab", "lab-api");
    let claims = Claims { iss, aud, sub, sid, jti, iat, nbf: iat, exp, store_id };
    let token = jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(KEY));
    let mut record = hash(jti).to_vec();
    record.extend_from_slice(format!("{now_ms}{now_ms} client\n").as_bytes());
    let mut set = cmd("SET");
    set.arg(sid.as_bytes()).arg(record).arg("PX").arg(LIVES_MS);
    set.exec_async(&mut app.redis).await.map_err(broken)?;
    Ok(Json(serde_json::json!({ "token": token.map_err(broken)? })))
}

async fn session(State(mut app): State<App>, headers: HeaderMap) -> Answer<impl IntoResponse> {
    let (session, _) = read(&mut app, &headers).await?;
    Ok((promised::headers(), Json(session)))
}

async fn cart(State(mut app): State<App>, headers: HeaderMap) -> Answer<impl IntoResponse> {
    let (_, cart) = read(&mut app, &headers).await?;
    Ok((promised::headers(), Json(cart)))
}

async fn read(app: &mut App, headers: &HeaderMap) -> Answer<(Session, Cart)> {
    let claims = verified(app, headers).ok_or(StatusCode::UNAUTHORIZED)?;
    // A `GET` that a demoted Redis refuses, as in the service; and the same checks as below, here.
    let mut question = cmd("GETEX");
    question.arg(claims.sid.as_bytes());
    let held: Option<Vec<u8>> = in_time(question.query_async(&mut app.redis)).await?;
    opened(claims.sid, held.and_then(|held| live(&held, &claims)))
}

fn live(held: &[u8], claims: &Verified) -> Option<String> {
    let rest = std::str::from_utf8(held.strip_prefix(&hash(claims.jti))?).ok()?;
    let used_ms: i64 = rest.get(..13)?.parse().ok()?;
    (now_ms() - used_ms < IDLE_MS).then(|| rest.to_owned())
}

async fn set_item(
    State(mut app): State<App>,
    headers: HeaderMap,
    Json(item): Json<Item>,
) -> Answer<impl IntoResponse> {
    let claims = verified(&app, &headers).ok_or(StatusCode::UNAUTHORIZED)?;
    let mut question = script(&app.fixed.write, &claims);
    question.arg(now_ms() + PATIENCE.as_millis() as i64).arg(item.sku).arg(item.quantity);
    let (_, cart) = opened(claims.sid, in_time(question.query_async(&mut app.redis)).await?)?;
    Ok((promised::headers(), Json(cart)))
}

fn script(hash_of_script: &str, claims: &Verified) -> Cmd {
    let mut call = cmd("EVALSHA");
    call.arg(hash_of_script).arg(1).arg(claims.sid.as_bytes()).arg(&hash(claims.jti));
    call
}

async fn in_time<T>(answer: impl Future<Output = redis::RedisResult<T>>) -> Answer<T> {
    let answer = tokio::time::timeout(PATIENCE, answer).await;
    answer.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?.map_err(broken)
}

/// What a record holds, if the script found it open.
fn opened(session_id: Uuid, held: Option<String>) -> Answer<(Session, Cart)> {
    held.as_deref().and_then(|held| parse(session_id, held)).ok_or(StatusCode::UNAUTHORIZED)
}

fn parse(session_id: Uuid, held: &str) -> Option<(Session, Cart)> {
    let (used_ms, rest) = held.split_at_checked(13)?;
    let (who, lines) = rest.split_once('\n')?;
    let (created_ms, account) = who.split_once(' ')?;
    let (created_ms, used_ms) = (created_ms.parse().ok()?, used_ms.parse().ok()?);
    let mut cart = Cart::default();
    for line in lines.split_ascii_whitespace() {
        let (sku, quantity) = line.split_once('=')?;
        cart.items.insert(sku.to_owned(), quantity.parse().ok()?);
    }
    Some((Session::new(account.to_owned(), session_id, created_ms, used_ms), cart))
}

/// What a good token says.
struct Verified {
    sid: Uuid,
    jti: Uuid,
}

/// The session and the secret of a token that is ours and not over.
fn verified(app: &App, headers: &HeaderMap) -> Option<Verified> {
    let json = promised::signed_claims(headers, &app.fixed.key)?;
    let Claims { iss, aud, sid, jti, iat, nbf, exp, .. } = serde_json::from_slice(&json).ok()?;
    let now_s = now_ms() / 1000;
    let good = iss == "lab" && aud == "lab-api" && iat <= now_s && nbf <= now_s && now_s < exp;
    good.then_some(Verified { sid, jti })
}
