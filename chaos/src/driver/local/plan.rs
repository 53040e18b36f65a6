//! Which processes make up a lab, on which ports, with which arguments?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::ports::{Port, Walk};
use super::process::Recipe;
use super::redis_server;
use crate::driver::{LabSpec, Replica, Store, StoreWish};
use crate::service::Service;

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
    std::fs::create_dir_all(&logs).with_context(|| format!("making {}", logs.display()))?;
    let mut plan = Plan {
        store: Store::Embedded { why: String::new() },
        logs,
        replicas: BTreeMap::new(),
        recipes: Vec::new(),
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
        for number in 1..=spec.replicas {
            plan.add_replica(spec, service, &program, number, folder, mark)?;
        }
    }
    Ok(plan)
}

impl Plan {
    fn choose_store(&mut self, spec: &LabSpec, folder: &Path, mark: &(String, String)) -> anyhow::Result<()> {
        let installed = redis_server::find();
        let needed = spec.services.iter().any(|service| service.uses_redis);
        self.store = match (spec.store, installed) {
            (StoreWish::Embedded, _) => {
                Store::Embedded { why: "an SQLite file, because it was asked for".to_owned() }
            }
            (StoreWish::Redis, None) => {
                bail!("there is no redis-server and no valkey-server on the PATH: apt install redis-server")
            }
            (StoreWish::Auto, None) => Store::Embedded {
                why: "an SQLite file, because there is no redis-server and no valkey-server on the PATH"
                    .to_owned(),
            },
            (StoreWish::Auto, _) if !needed => {
                Store::Embedded { why: "none, because no service here keeps its sessions outside".to_owned() }
            }
            (_, Some(redis)) => {
                let (port, data) = (self.take_port()?, folder.join("redis"));
                std::fs::create_dir_all(&data).with_context(|| format!("making {}", data.display()))?;
                let log = self.logs.join("redis.log");
                self.recipes.push(redis_server::recipe(&redis.program, port, &data, log, mark));
                self.redis_data = Some(data);
                Store::Redis {
                    url: format!("redis://127.0.0.1:{port}"),
                    why: format!("a {} of the lab's own, because it is installed", redis.version),
                }
            }
        };
        Ok(())
    }

    fn add_replica(
        &mut self,
        spec: &LabSpec,
        service: &Service,
        program: &Path,
        number: usize,
        folder: &Path,
        mark: &(String, String),
    ) -> anyhow::Result<()> {
        let name = format!("{}-{number}", service.name);
        let listen = format!("127.0.0.1:{}", self.take_port()?);
        let gates = if service.gates { Some(format!("127.0.0.1:{}", self.take_port()?)) } else { None };
        let store = match &self.store {
            Store::Redis { url, .. } => url.clone(),
            // All replicas of a service open one file.
            Store::Embedded { .. } => {
                format!("sqlite:{}", folder.join(&service.name).display()) + "-sessions.db"
            }
        };
        let database = match &spec.database {
            Some(url) => url.replace("{service}", &service.name),
            None => format!("sqlite:{}", folder.join(&service.name).display()) + ".db",
        };
        let fill = |text: &String| {
            text.replace("{listen}", &listen)
                .replace("{gates}", gates.as_deref().unwrap_or_default())
                .replace("{replica}", &name)
                .replace("{store}", &store)
                .replace("{database}", &database)
                .replace("{folder}", &folder.display().to_string())
        };
        self.recipes.push(Recipe {
            name: name.clone(),
            program: program.to_owned(),
            args: service.args.iter().map(fill).collect(),
            env: service
                .env
                .iter()
                .map(|(name, value)| (name.clone(), fill(value)))
                .chain([mark.clone()])
                .collect(),
            log: self.logs.join(format!("{name}.log")),
        });
        self.replicas.entry(service.name.clone()).or_default().push(Replica {
            name,
            service: service.name.clone(),
            url: format!("http://{listen}"),
            gates: gates.map(|address| format!("http://{address}")),
        });
        Ok(())
    }

    fn take_port(&mut self) -> anyhow::Result<u16> {
        let port = self.walk.take()?;
        let number = port.number;
        self.ports.push(port);
        Ok(number)
    }
}
