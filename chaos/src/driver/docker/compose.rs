//! What does the compose file say? It is the only description of the containers, so it is read here just as
//! `docker-compose` reads it: the keys it uses, and no others. A key this file does not know is an error
//! that names it; what is not understood must not be left out silently.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::interpolate;
use crate::duration::duration;

/// The file itself. It goes into the tool, so that the tool can be run from anywhere.
const TEXT: &str = include_str!("../../../../docker-compose.yml");

/// The files that the compose file mounts into containers.
const MOUNTED: [(&str, &str); 2] = [
    ("./deploy/databases.sql", include_str!("../../../../deploy/databases.sql")),
    ("./deploy/haproxy.cfg", include_str!("../../../../deploy/haproxy.cfg")),
];

/// A compose file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compose {
    /// Its containers, by name.
    pub services: BTreeMap<String, Definition>,
    /// Its named volumes. None of them says more than its name.
    #[serde(default)]
    pub volumes: BTreeMap<String, Option<Nothing>>,
}

/// A mapping without keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// How one container is made. The names are those of the compose file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the compose file's own words, described where it is")]
pub struct Definition {
    pub image: String,
    /// How the image is made is for `make images`.
    #[serde(default)]
    pub build: Value,
    #[serde(default, deserialize_with = "words")]
    pub command: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub ports: Vec<Published>,
    #[serde(default)]
    pub volumes: Vec<Mounted>,
    #[serde(default)]
    pub tmpfs: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub depends_on: BTreeMap<String, DependsOn>,
    pub healthcheck: Option<HealthCheck>,
    pub user: Option<String>,
    #[serde(default)]
    pub read_only: bool,
    #[serde(default)]
    pub cap_drop: Vec<String>,
    #[serde(default)]
    pub security_opt: Vec<String>,
    #[serde(default, deserialize_with = "bytes")]
    pub mem_limit: Option<i64>,
    pub cpus: Option<f64>,
    #[serde(default, deserialize_with = "time")]
    pub stop_grace_period: Option<Duration>,
    pub restart: Option<String>,
    pub logging: Option<Logging>,
}

/// Which box must be how before this one starts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DependsOn {
    /// Always `service_healthy`.
    pub condition: Healthy,
}

/// The one condition there is.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Healthy {
    /// Its health check succeeds.
    ServiceHealthy,
}

/// How the engine asks whether a container is well.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the compose file's own words")]
pub struct HealthCheck {
    pub test: Vec<String>,
    #[serde(default, deserialize_with = "time")]
    pub interval: Option<Duration>,
    #[serde(default, deserialize_with = "time")]
    pub timeout: Option<Duration>,
    #[serde(default, deserialize_with = "time")]
    pub start_period: Option<Duration>,
    pub retries: Option<i64>,
}

/// Where a container's output goes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the compose file's own words")]
pub struct Logging {
    pub driver: String,
    #[serde(default, deserialize_with = "texts")]
    pub options: BTreeMap<String, String>,
}

/// A port that is published on loopback: `127.0.0.1:18101:8080`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Published {
    /// On this machine.
    pub host: u16,
    /// In the container.
    pub inside: u16,
}

impl TryFrom<String> for Published {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["127.0.0.1", host, inside] = parts[..] else {
            return Err(format!(
                "write 127.0.0.1:PORT:PORT instead of {text:?}; the lab is on loopback only"
            ));
        };
        let port = |text: &str| text.parse().map_err(|_| format!("{text:?} is not a port"));
        Ok(Published { host: port(host)?, inside: port(inside)? })
    }
}

/// What is mounted where: `redis:/data`, or `./deploy/haproxy.cfg:/etc/haproxy.cfg:ro`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Mounted {
    /// A named volume, or a file that lies beside the compose file (`./...`).
    pub source: String,
    /// Where it appears in the container.
    pub target: String,
    /// Whether the container may not write there.
    pub read_only: bool,
}

impl Mounted {
    /// The text of the file that is mounted; `None` if it is a volume.
    ///
    /// # Errors
    /// If it is a file that this tool was not built with.
    pub fn text(&self) -> anyhow::Result<Option<&'static str>> {
        if !self.source.starts_with(['.', '/', '~']) {
            return Ok(None);
        }
        let file = MOUNTED.iter().find(|(name, _)| *name == self.source);
        file.map(|(_, text)| Some(*text)).with_context(|| {
            format!("the compose file mounts {}, and this tool was not built with it", self.source)
        })
    }
}

impl TryFrom<String> for Mounted {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let (source, target, read_only) = match parts[..] {
            [source, target] => (source, target, false),
            [source, target, "ro"] => (source, target, true),
            _ => return Err(format!("write SOURCE:TARGET or SOURCE:TARGET:ro instead of {text:?}")),
        };
        Ok(Mounted { source: source.to_owned(), target: target.to_owned(), read_only })
    }
}

impl Compose {
    /// The compose file this tool was built with; `variable` gives the value of a variable, if it has one.
    ///
    /// # Errors
    /// As [`Compose::read`].
    pub fn builtin(variable: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Compose> {
        Compose::read(TEXT, variable).context("reading docker-compose.yml")
    }

    /// Reads a compose file.
    ///
    /// # Errors
    /// Which key is not known, which value cannot be understood, which variable has no value.
    pub fn read(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Compose> {
        let mut file: Value = serde_saphyr::from_str(text).map_err(|error| anyhow!("{error}"))?;
        let Some(keys) = file.as_object_mut() else { bail!("a compose file is a mapping") };
        // Names for pieces that are used several times; by now they stand where they are used.
        keys.retain(|key, _| !key.starts_with("x-"));
        interpolate::everywhere(&mut file, variable)?;
        let compose: Compose = serde_path_to_error::deserialize(file)
            .map_err(|error| anyhow!("{}: {}", error.path(), error.inner()))?;
        for (name, definition) in &compose.services {
            for mounted in &definition.volumes {
                let known = mounted.text()?.is_some() || compose.volumes.contains_key(&mounted.source);
                anyhow::ensure!(known, "{name} mounts {:?}, which is not among the volumes", mounted.source);
            }
            let stranger = definition.depends_on.keys().find(|other| !compose.services.contains_key(*other));
            anyhow::ensure!(stranger.is_none(), "{name} depends on {stranger:?}, which is not there");
        }
        Ok(compose)
    }
}

/// A command: a list of words, or a line as a shell would read it.
fn words<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    match Value::deserialize(from)? {
        Value::String(line) => split(&line).map_err(serde::de::Error::custom),
        Value::Array(words) => words.into_iter().map(text).collect(),
        other => Err(serde::de::Error::custom(format!("{other} is not a command"))),
    }
}

/// Splits a line into words; quotes keep what is between them together, be it nothing.
fn split(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, space) if space.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    if quote.is_some() { Err(format!("a quote is not closed: {line}")) } else { Ok(words) }
}

/// A mapping from names to texts; numbers are texts here.
fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let pairs = BTreeMap::<String, Value>::deserialize(from)?;
    pairs.into_iter().map(|(name, value)| Ok((name, text(value)?))).collect()
}

fn text<E: serde::de::Error>(value: Value) -> Result<String, E> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(E::custom(format!("{other} is neither a text nor a number"))),
    }
}

fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    duration(&String::deserialize(from)?).map(Some).map_err(serde::de::Error::custom)
}

fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    let text = String::deserialize(from)?;
    let number = text.strip_suffix('m').and_then(|number| number.parse::<i64>().ok());
    number.map(|mib| Some(mib << 20)).ok_or_else(|| serde::de::Error::custom("write a size like 64m"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Compose, String> {
        let variable = |name: &str| (name == "GIVEN").then(|| "given".to_owned());
        Compose::read(text, &variable).map_err(|error| format!("{error:#}"))
    }

    fn one(keys: &str) -> Result<Definition, String> {
        read(&format!("services: {{one: {{image: i, {keys}}}}}\nvolumes: {{data: }}"))
            .map(|mut file| file.services.remove("one").expect("there is one"))
    }

    #[test]
    fn the_file_itself_is_understood() {
        let variable = |name: &str| name.starts_with("LAB_KEYS").then(|| "k1:secret".to_owned());
        let without = Compose::builtin(&variable).expect_err("it names what has no value");
        assert!(format!("{without:#}").contains("POSTGRES_PASSWORD"), "{without:#}");
        let variable = |_: &str| None::<String>;
        assert!(Compose::builtin(&variable).is_err());
        let variable = |name: &str| (!name.starts_with("LAB_PORT")).then(|| "1".to_owned());
        let file = Compose::builtin(&variable).unwrap_or_else(|error| panic!("{error:#}"));
        for name in ["stateful-1", "stateful-2", "stateless-1", "stateless-2", "redis", "postgres", "gateway"]
        {
            let role = file.services[name].labels.get("amnesia.role");
            assert!(role.is_some(), "{name} has no role");
        }
        let redis = &file.services["redis"];
        assert_eq!(redis.ports, [Published { host: 18379, inside: 6379 }]);
        assert!(redis.command.iter().any(String::is_empty), "--save \"\": {:?}", redis.command);
    }

    #[test]
    fn a_key_nobody_knows_is_an_error_that_names_it() {
        let error = one("privileged: true").expect_err("it is not supported");
        assert!(error.contains("services.one") && error.contains("privileged"), "{error}");
        let error = read("services: {}\nnetworks: {}").expect_err("nor is this");
        assert!(error.contains("networks"), "{error}");
        let error = one("healthcheck: {test: [CMD, x], start_interval: 1s}").expect_err("nor is this");
        assert!(error.contains("services.one.healthcheck") && error.contains("start_interval"), "{error}");
    }

    #[test]
    fn a_value_that_cannot_be_meant_is_an_error_at_its_place() {
        for (keys, place) in [
            (r#"ports: ["8080"]"#, "services.one.ports[0]"),
            (r#"ports: ["0.0.0.0:1:1"]"#, "services.one.ports[0]"),
            ("mem_limit: 1g", "services.one.mem_limit"),
            ("stop_grace_period: soon", "services.one.stop_grace_period"),
            (r#"command: say "it"#, "services.one.command"),
            ("depends_on: {one: {condition: service_started}}", "services.one.depends_on"),
        ] {
            let error = one(keys).expect_err(keys);
            assert!(error.contains(place), "{keys}: {error}");
        }
        assert!(one("volumes: ['other:/data']").expect_err("no such volume").contains("other"));
        assert!(one("volumes: ['./x:/x:ro']").expect_err("not built in").contains("./x"));
    }

    #[test]
    fn names_for_pieces_stand_for_what_they_name() {
        let text = "x-pieces: &pieces {A: 1, B: two}\nservices:\n  one:\n    image: i\n    environment: *pieces\n  \
                    two:\n    image: i\n    environment:\n      <<: *pieces\n      B: ${GIVEN}\n";
        let file = read(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(file.services["one"].environment["A"], "1");
        assert_eq!(file.services["two"].environment["A"], "1");
        assert_eq!(file.services["two"].environment["B"], "given");
    }

    #[test]
    fn a_line_is_split_as_a_shell_would() {
        let words = one(r#"command: 'a  --save "" --name "b c"'"#).expect("it is fine").command;
        assert_eq!(words, ["a", "--save", "", "--name", "b c"]);
    }
}
