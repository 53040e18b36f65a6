//! Which processes make up a lab, on which ports, with which arguments?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::haproxy;
use super::ports::{Port, Walk};
use super::process::Recipe;
use super::redis_server::{self, Installed};
use crate::driver::{LabSpec, Replica, Store, StoreWish};
use crate::http;
use crate::service::Service;
use crate::state::Gateway;

/// Everything about a lab that is decided before its first process starts.
#[derive(Debug)]
pub struct Plan {
    /// Where sessions that are kept outside live.
    pub store: Store,
    /// The folder of all logs.
    pub logs: PathBuf,
    /// The replicas of each service.
    pub replicas: BTreeMap<String, Vec<Replica>>,
    /// How each process is started; `{keys}` is still to be filled in, for keys change.
    pub recipes: Vec<Recipe>,
    /// The load balancer in front of the replicas, if there is one.
    pub gateway: Option<Gateway>,
    /// Redis's own folder, if there is Redis.
    pub redis_data: Option<PathBuf>,
    /// Ours as long as the lab lives.
    pub ports: Vec<Port>,
    walk: Walk,
}

/// Plans a lab in `folder`. `mark` goes into every process's environment.
///
/// # Errors
/// If something is missing: a binary, a port, the Redis that was asked for.
pub fn plan(spec: &LabSpec, folder: &Path, mark: &(String, String)) -> anyhow::Result<Plan> {
    let logs = spec.keep_logs_in.clone().unwrap_or_else(|| folder.join("logs"));
    make_folder(&logs).context("there is no place for logs: set CHAOS_RESULTS to a folder of your own")?;
    let mut plan = Plan {
        store: Store::Embedded { why: String::new() },
        logs,
        replicas: BTreeMap::new(),
        recipes: Vec::new(),
        gateway: None,
        redis_data: None,
        ports: Vec::new(),
        walk: if spec.name.is_some() { Walk::from_the_lowest() } else { Walk::from_anywhere() },
    };
    plan.choose_store(spec, folder, mark)?;
    for service in &spec.services {
        if plan.replicas.contains_key(&service.name) {
            bail!("the lab has two services called {:?}", service.name);
        }
        let program = service.program()?;
        let store = match &plan.store {
            Store::Redis { url, .. } => url.clone(),
            // All replicas of a service open one file.
            Store::Embedded { .. } => sqlite(folder, &format!("{}-sessions", service.name)),
        };
        let database = match &spec.database {
            Some(url) => url.replace("{service}", &service.name),
            None => sqlite(folder, &service.name),
        };
        for number in 1..=spec.replicas {
            let name = format!("{}-{number}", service.name);
            let replica = plan.add_replica(service, name)?;
            let words = [
                ("{listen}", http::authority(&replica.url)),
                ("{gates}", replica.gates.as_deref().map(http::authority).unwrap_or_default()),
                ("{replica}", &replica.name),
                ("{store}", &store),
                ("{database}", &database),
                ("{folder}", &folder.display().to_string()),
            ];
            let fill = |text: &String| {
                words.iter().fold(text.clone(), |text, (word, meaning)| text.replace(word, meaning))
            };
            let env = service.env.iter().map(|(name, value)| (name.clone(), fill(value)));
            plan.recipes.push(Recipe {
                log: plan.logs.join(format!("{}.log", replica.name)),
                program: program.clone(),
                args: service.args.iter().map(fill).collect(),
                env: env.chain([mark.clone()]).collect(),
                name: replica.name,
            });
        }
    }
    if spec.gateway {
        plan.add_gateway(spec, folder, mark)?;
    }
    Ok(plan)
}

impl Plan {
    fn choose_store(&mut self, spec: &LabSpec, folder: &Path, mark: &(String, String)) -> anyhow::Result<()> {
        let needed = spec.redis || spec.services.iter().any(|service| service.uses_redis);
        let why = match (spec.store, redis_server::find()) {
            (StoreWish::Embedded, _) => {
                "sessions that live outside are in an SQLite file, because that was asked for"
            }
            (StoreWish::Redis, None) => {
                bail!("there is no redis-server and no valkey-server on the PATH: apt install redis-server")
            }
            (StoreWish::Auto, None) => {
                "sessions that live outside are in an SQLite file, because there is no redis-server and no \
                 valkey-server on the PATH (apt install redis-server)"
            }
            (StoreWish::Auto, _) if !needed => {
                "no service here keeps its sessions outside, so there is no store"
            }
            (_, Some(redis)) => return self.add_redis(&redis, folder, mark),
        };
        self.store = Store::Embedded { why: why.to_owned() };
        Ok(())
    }

    fn add_redis(&mut self, redis: &Installed, folder: &Path, mark: &(String, String)) -> anyhow::Result<()> {
        let (port, data, log) = (self.take_port()?, folder.join("redis"), self.logs.join("redis.log"));
        make_folder(&data)?;
        self.recipes.push(redis_server::recipe(&redis.program, port, &data, log, mark));
        self.redis_data = Some(data);
        self.store = Store::Redis {
            url: format!("redis://127.0.0.1:{port}"),
            why: format!(
                "sessions that live outside are in a {} of the lab's own, because it is installed",
                redis.version
            ),
        };
        Ok(())
    }

    fn add_replica(&mut self, service: &Service, name: String) -> anyhow::Result<Replica> {
        let url = format!("http://127.0.0.1:{}", self.take_port()?);
        let gates =
            if service.gates { Some(format!("http://127.0.0.1:{}", self.take_port()?)) } else { None };
        let replica = Replica { name, service: service.name.clone(), url, gates };
        self.replicas.entry(service.name.clone()).or_default().push(replica.clone());
        Ok(replica)
    }

    /// Adds a gateway if one can be had; [`haproxy::why_none`] says later why not.
    fn add_gateway(&mut self, spec: &LabSpec, folder: &Path, mark: &(String, String)) -> anyhow::Result<()> {
        let Some(installed) = haproxy::find().filter(|_| spec.replicas == haproxy::REPLICAS) else {
            return Ok(());
        };
        let replicas = self.replicas.clone();
        let (gateway, mut env) = haproxy::addresses(&replicas, || self.take_port())?;
        let config = folder.join("haproxy.cfg");
        let text = spec.gateway_config.as_deref().unwrap_or(haproxy::CONFIG);
        std::fs::write(&config, text).with_context(|| format!("writing {}", config.display()))?;
        env.push(mark.clone());
        let log = self.logs.join("gateway.log");
        self.recipes.push(haproxy::recipe(&installed.program, &config, env, log));
        self.gateway = Some(gateway);
        Ok(())
    }

    fn take_port(&mut self) -> anyhow::Result<u16> {
        let port = self.walk.take()?;
        let number = port.number;
        self.ports.push(port);
        Ok(number)
    }
}

fn sqlite(folder: &Path, name: &str) -> String {
    format!("sqlite:{}.db", folder.join(name).display())
}

fn make_folder(path: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))
}
