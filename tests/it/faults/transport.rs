//! Connections that fail.

use std::sync::LazyLock;
use std::time::Duration;

use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::doing::{Doing, Upstream, good};
use super::way::Way;
use crate::harness::*;
use crate::upstreams::refuse;

/// The certificates of all cells, and the file of those that the gateways trust.
pub(super) struct Certificates {
    expired: Identity,
    other_name: Identity,
    self_signed: Identity,
    pub(super) trusted: NamedTempFile,
}

pub(super) fn certificates() -> &'static Certificates {
    static CERTIFICATES: LazyLock<Certificates> = LazyLock::new(|| {
        let (expired, other_name) = (Identity::new("localhost", 2020), Identity::new("provider.example", 4000));
        let trusted = trusting(&[&expired, &other_name]);
        Certificates { expired, other_name, self_signed: Identity::new("localhost", 4000), trusted }
    });
    &CERTIFICATES
}

pub(super) async fn doing(name: &str, way: Way, stream: bool) -> Option<Doing> {
    let half = |reply: Reply| {
        let length = reply.bytes().len();
        reply.cut(length / 2, Step::Reset)
    };
    Some(match name {
        "reset_at_once" => Doing::script(Script(vec![Step::Reset])),
        "closed_at_once" => Doing::script(Script(vec![Step::Fin])),
        "closed_in_head" => Doing::script(Script::raw("HTTP/1.1 200 OK\r\ncontent-ty").then(Step::Fin)),
        "not_http" => Doing::script(Script::raw("SSH-2.0-OpenSSH_9.6\r\n").then(Step::Fin)),
        "status_in_words" => Doing::script(Script::raw("HTTP/1.1 OK fine\r\n\r\n").then(Step::Fin)),
        "head_and_silence" => Doing::reply(good(way, false).cut(0, Step::Stall)),
        "stall_in_body" => {
            let good = good(way, false);
            let half = good.bytes().len() / 2;
            Doing::reply(good.cut(half, Step::Stall))
        }
        "reset_after_head" if stream => Doing::reply(Reply::stream([""]).then(Step::Reset)),
        "reset_after_head" => Doing::reply(good(way, false).cut(0, Step::Reset)),
        "reset_in_body" => Doing::reply(half(good(way, false))),
        "blackhole" => Doing::script(Script(vec![Step::Stall])),
        "slow_head" => Doing::script(slow_head(good(way, stream))),
        "closed_at_reuse" => {
            let good = good(way, stream);
            let body = good.bytes();
            Doing { upstream: Upstream::ClosesAtReuse(good.clone().script()), ..Doing::reply(good).with_body(body) }
        }
        "early_answer" => {
            let refusal = refuse(way.vendor, 413, "Too large.");
            Doing { upstream: Upstream::Early(refusal.script()), ..Doing::script(Script::default()) }
        }
        "refused" => {
            let dead = Refusing::new();
            nowhere(dead.origin(), dead)
        }
        "deaf" => {
            let deaf = Deaf::new().await;
            nowhere(deaf.origin(), deaf)
        }
        "no_such_name" => nowhere("http://no-such-host.invalid".to_owned(), ()),
        "tls_expired" => behind(&certificates().expired, way, stream).await,
        "tls_other_name" => behind(&certificates().other_name, way, stream).await,
        "tls_self_signed" => behind(&certificates().self_signed, way, stream).await,
        "tls_stall" => {
            let silent = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
            let port = silent.local_addr().expect("the socket is bound").port();
            nowhere(format!("https://localhost:{port}"), silent)
        }
        "no_tls" => {
            let plain = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
            let port = plain.local_addr().expect("the socket is bound").port();
            let complaining = tokio::spawn(async move {
                while let Ok((mut stream, _)) = plain.accept().await {
                    // Whoever is gone already misses nothing.
                    let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await;
                }
            });
            nowhere(format!("https://localhost:{port}"), complaining)
        }
        _ => return None,
    })
}

fn nowhere(origin: String, guard: impl Send + Sync + 'static) -> Doing {
    let upstream = Upstream::Nowhere { origin, _guard: Box::new(guard) };
    Doing { upstream, ..Doing::script(Script::default()) }
}

/// A good provider, if the certificate were.
async fn behind(identity: &Identity, way: Way, stream: bool) -> Doing {
    let provider = Scripted::always(good(way, stream)).await;
    nowhere(terminate(identity, provider.address), provider)
}

fn slow_head(reply: Reply) -> Script {
    let mut steps = reply.script().0.into_iter();
    let Some(Step::Write(head)) = steps.next() else { panic!("an answer begins with its head") };
    let slow = head.into_iter().flat_map(|byte| [Step::Write(vec![byte]), Step::Pause(Duration::from_millis(50))]);
    Script(slow.chain(steps).collect())
}
