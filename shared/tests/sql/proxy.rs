//! How does a connection die without a word? A cable is pulled, a machine vanishes: nothing is refused and
//! nothing is answered. This proxy stands between a service and its Postgres and can do the same.

use std::path::{Path, PathBuf};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

pub struct Proxy {
    port: u16,
    silence: watch::Sender<u32>,
}

impl Proxy {
    /// Listens on a loopback port, and passes everything on to `socket`.
    pub async fn start(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (silence, _) = watch::channel(0);
        let proxy = Proxy { port, silence: silence.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, socket.clone(), silence.subscribe()));
            }
        });
        proxy
    }

    /// The address of the same database through this proxy.
    pub fn url(&self, direct: &str) -> String {
        let database = Path::new(direct.split('?').next().unwrap()).file_name().unwrap().to_str().unwrap();
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// From now on nothing passes on the connections that are open. Later ones are not concerned.
    pub fn silence(&self) {
        self.silence.send_modify(|times| *times += 1);
    }
}

async fn pass(mut client: TcpStream, socket: PathBuf, mut silence: watch::Receiver<u32>) {
    let mut server = UnixStream::connect(socket).await.unwrap();
    tokio::select! {
        // First, or the bytes that are there already would still pass.
        biased;
        _ = silence.changed() => {}
        _ = copy_bidirectional(&mut client, &mut server) => return,
    }
    // Both ends stay open, for as long as the test runs.
    std::future::pending::<()>().await;
}
