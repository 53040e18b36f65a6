//! How is a box made? What the compose file says of it, in the engine's words.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig, NetworkingConfig,
    PortBinding, RestartPolicy, RestartPolicyNameEnum,
};

use super::boxes::Planned;
use super::compose::{Definition, Published};
use super::labels;

/// The lab that a box is made for.
#[derive(Debug, Clone)]
pub struct For {
    /// Its name, which is compose's project.
    pub project: String,
    /// The labels that all its boxes have.
    pub labels: Vec<(String, String)>,
    /// Where the files lie that are mounted into boxes.
    pub files: PathBuf,
    /// Whether the engine asks the boxes how they are. A lab of the matrix asks by itself, and asking costs
    /// more than the boxes do.
    pub health_checks: bool,
}

/// What compose calls a box's container.
pub fn container(project: &str, name: &str) -> String {
    format!("{project}-{name}-1")
}

/// What compose calls the network of a project.
pub fn network(project: &str) -> String {
    format!("{project}_default")
}

/// What compose calls a volume of a project.
pub fn volume(project: &str, name: &str) -> String {
    format!("{project}_{name}")
}

/// What the engine is told to make.
///
/// # Errors
/// If a file is to be mounted that this tool was not built with.
pub fn body(name: &str, planned: &Planned, lab: &For) -> anyhow::Result<ContainerCreateBody> {
    let Planned { definition, .. } = planned;
    let mut labels = labels::of_compose(&lab.project, name);
    labels.extend(definition.labels.clone());
    labels.extend(lab.labels.iter().cloned());
    let endpoint = EndpointSettings { aliases: Some(vec![name.to_owned()]), ..EndpointSettings::default() };
    let endpoints = HashMap::from([(network(&lab.project), endpoint)]);
    Ok(ContainerCreateBody {
        image: Some(definition.image.clone()),
        cmd: (!definition.command.is_empty()).then(|| definition.command.clone()),
        env: Some(definition.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        user: definition.user.clone(),
        labels: Some(labels.into_iter().collect()),
        exposed_ports: Some(definition.ports.iter().map(Published::inside_tcp).collect()),
        healthcheck: health(definition, lab.health_checks),
        stop_timeout: definition.stop_grace_period.and_then(|time| i64::try_from(time.as_secs()).ok()),
        host_config: Some(HostConfig { network_mode: Some(network(&lab.project)), ..host(definition, lab)? }),
        networking_config: Some(NetworkingConfig { endpoints_config: Some(endpoints) }),
        ..ContainerCreateBody::default()
    })
}

fn host(definition: &Definition, lab: &For) -> anyhow::Result<HostConfig> {
    let mut binds = Vec::new();
    for mounted in &definition.volumes {
        let source = match mounted.text()? {
            Some(_) => lab.files.join(&mounted.source).display().to_string(),
            None => volume(&lab.project, &mounted.source),
        };
        binds.push(format!("{source}:{}:{}", mounted.target, if mounted.read_only { "ro" } else { "rw" }));
    }
    let binding = |port: &Published| {
        let (host_ip, host_port) = (Some("127.0.0.1".to_owned()), Some(port.host.to_string()));
        (port.inside_tcp(), Some(vec![PortBinding { host_ip, host_port }]))
    };
    Ok(HostConfig {
        binds: Some(binds),
        port_bindings: Some(definition.ports.iter().map(binding).collect()),
        tmpfs: Some(definition.tmpfs.iter().map(|path| (path.clone(), String::new())).collect()),
        readonly_rootfs: Some(definition.read_only),
        cap_drop: Some(definition.cap_drop.clone()),
        security_opt: Some(definition.security_opt.clone()),
        memory: definition.mem_limit,
        nano_cpus: definition.cpus.map(|cpus| (cpus * 1e9) as i64),
        restart_policy: definition.restart.as_deref().map(|name| RestartPolicy {
            name: name.parse::<RestartPolicyNameEnum>().ok(),
            maximum_retry_count: None,
        }),
        log_config: definition.logging.as_ref().map(|logging| HostConfigLogConfig {
            typ: Some(logging.driver.clone()),
            config: Some(logging.options.clone().into_iter().collect()),
        }),
        ..HostConfig::default()
    })
}

fn health(definition: &Definition, wanted: bool) -> Option<HealthConfig> {
    let nanos = |time: Option<Duration>| time.and_then(|time| i64::try_from(time.as_nanos()).ok());
    if !wanted {
        // Without this word, the image's own check would run.
        return Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() });
    }
    definition.healthcheck.as_ref().map(|check| HealthConfig {
        test: Some(check.test.clone()),
        interval: nanos(check.interval),
        timeout: nanos(check.timeout),
        start_period: nanos(check.start_period),
        retries: check.retries,
        ..HealthConfig::default()
    })
}

impl Published {
    fn inside_tcp(&self) -> String {
        format!("{}/tcp", self.inside)
    }
}
