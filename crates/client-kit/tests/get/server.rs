//! A server that says the same to everybody and then keeps the connection.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use test_kit::certificates::Identity;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    sync::{Mutex, mpsc},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

pub(super) struct Server {
    pub(super) address: SocketAddr,
    asked: Mutex<mpsc::Receiver<String>>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(answer: &str) -> Result<Self> {
        Self::listen(answer, None).await
    }

    pub(super) async fn start_with_tls(answer: &str, identity: &Identity) -> Result<Self> {
        let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes())?;
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        Self::listen(answer, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn listen(answer: &str, tls: Option<TlsAcceptor>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (tell, asked) = mpsc::channel(8);
        let connections = Arc::new(AtomicUsize::new(0));
        let (counted, answer) = (Arc::clone(&connections), answer.to_owned());
        let task = tokio::spawn(async move {
            // Kept to the end: a connection that closes would be an answer, too.
            let mut kept: Vec<Box<dyn Send>> = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                match &tls {
                    None => kept.push(Box::new(converse(stream, &answer, &tell).await)),
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            kept.push(Box::new(converse(stream, &answer, &tell).await));
                        }
                    }
                }
            }
        });
        Ok(Self {
            address,
            asked: Mutex::new(asked),
            connections,
            task,
        })
    }

    /// The head of the next request, and its body if it has one.
    pub(super) async fn asked(&self) -> String {
        let next = self.asked.lock().await.recv().await;
        next.expect("the server lives as long as this")
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    answer: &str,
    tell: &mpsc::Sender<String>,
) -> S {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.is_ok_and(|n| n == 1) {
        head.extend_from_slice(&byte);
    }
    let text = String::from_utf8_lossy(&head).to_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = length.and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    if stream.read_exact(&mut body).await.is_ok() {
        head.extend_from_slice(&body);
    }
    let _full = tell.try_send(String::from_utf8_lossy(&head).into_owned());
    // Who has heard enough hangs up.
    let _gone = stream.write_all(answer.as_bytes()).await;
    let _gone = stream.flush().await;
    stream
}
