//! A Redis of a row's own, which can be made to load its data slowly.

use std::process::Stdio;
use std::time::{Duration, Instant};

use chaos::driver::redis::{NoReply, ask};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// A running Redis. It is killed when this is dropped.
pub struct OwnRedis {
    port: u16,
    _process: Child,
    _folder: TempDir,
}

impl OwnRedis {
    pub async fn start() -> anyhow::Result<OwnRedis> {
        let folder = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let (data, port_text) = (folder.path().display().to_string(), port.to_string());
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port_text, "--dir", &data, "--save", ""]);
        // While it loads it looks up from its work after each kilobyte, to say that it is loading.
        command.args(["--loading-process-events-interval-bytes", "1024", "--enable-debug-command", "local"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let redis = OwnRedis { port, _process: command.spawn()?, _folder: folder };
        let start = Instant::now();
        while redis.ask(&["PING"]).await.is_err() {
            anyhow::ensure!(start.elapsed() < Duration::from_secs(5), "Redis does not answer");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(redis)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Makes it write down and load again what it has, so slowly that it takes seconds; returns when it
    /// says that it is loading.
    pub async fn load_slowly(&self) -> anyhow::Result<()> {
        self.ask(&["DEBUG", "POPULATE", "5000", "ballast", "100"]).await?;
        self.ask(&["CONFIG", "SET", "key-load-delay", "2000"]).await?;
        let url = self.url();
        tokio::spawn(async move { ask(&url, &["DEBUG", "RELOAD"], Duration::from_secs(30)).await });
        let start = Instant::now();
        while !matches!(self.ask(&["GET", "x"]).await, Err(NoReply::Error(words)) if words.starts_with("LOADING"))
        {
            anyhow::ensure!(start.elapsed() < Duration::from_secs(5), "Redis does not load");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    /// Lets it load the rest at once.
    pub async fn load_quickly(&self) -> anyhow::Result<()> {
        self.ask(&["CONFIG", "SET", "key-load-delay", "0"]).await?;
        Ok(())
    }

    async fn ask(&self, words: &[&str]) -> Result<Option<String>, NoReply> {
        ask(&self.url(), words, Duration::from_secs(2)).await
    }
}
