//! Several addresses of one host: each gets its chance, and the first that
//! answers wins (RFC 8305, "Happy Eyeballs").

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::sleep;

use super::connector::{ByteStream, Connector};
use crate::ending::quote;

/// How long an address is tried alone (RFC 8305, section 5).
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);

/// More than a feed has; the rest is left out.
const ADDRESSES_MAX: usize = 32;

/// How many addresses a report names.
const ADDRESSES_SHOWN_MAX: usize = 6;

/// Tries `addresses`, the next one whenever an attempt fails or has taken 250 ms.
/// The first connection is returned and the other attempts are dropped; the
/// caller sets the time limit.
///
/// How it stands is told to `progress` before each wait.
pub(super) async fn connect_first(
    connector: &dyn Connector,
    addresses: &[SocketAddr],
    progress: impl Fn(&Report),
) -> Result<Box<dyn ByteStream>, Report> {
    let mut untried = in_turn(addresses).into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut report = Report::default();
    loop {
        let address = untried.next();
        let all_are_tried = address.is_none();
        if let Some(address) = address {
            report.began(address);
            attempts.push(async move { (address, connector.connect(address).await) });
        }
        progress(&report);
        tokio::select! {
            biased;
            ended = attempts.next() => match ended {
                Some((_, Ok(stream))) => return Ok(stream),
                Some((address, Err(error))) => report.failed(address, &error),
                None => return Err(report),
            },
            () = sleep(NEXT_ADDRESS_AFTER), if !all_are_tried => {}
        }
    }
}

/// Each address once, the families in turn, beginning with the one that the
/// resolver prefers.
fn in_turn(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let prefers_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, other): (Vec<_>, Vec<_>) = addresses
        .iter()
        .copied()
        .partition(|address| address.is_ipv6() == prefers_ipv6);
    let turns = preferred.len().max(other.len());
    let both = (0..turns).flat_map(|turn| [preferred.get(turn), other.get(turn)]);
    let mut chosen = Vec::new();
    for address in both.flatten() {
        if chosen.len() < ADDRESSES_MAX && !chosen.contains(address) {
            chosen.push(*address);
        }
    }
    chosen
}

/// How the attempts stand, for people; its length has a limit.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<(IpAddr, Option<String>)>);

impl Report {
    fn began(&mut self, address: SocketAddr) {
        self.0.push((address.ip(), None));
    }

    fn failed(&mut self, address: SocketAddr, error: &io::Error) {
        let attempt = self.0.iter_mut().find(|(ip, _)| *ip == address.ip());
        if let Some((_, failure)) = attempt {
            *failure = Some(quote(&error.to_string()));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("its name has no address");
        }
        let shown = &self.0[..self.0.len().min(ADDRESSES_SHOWN_MAX)];
        for (index, (ip, failure)) in shown.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            let failure = failure.as_deref().unwrap_or("no answer");
            write!(formatter, "{separator}{ip}: {failure}")?;
        }
        match self.0.len() - shown.len() {
            0 => Ok(()),
            more => write!(formatter, ", and {more} more addresses"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::RefCell,
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use async_trait::async_trait;
    use tokio::time::{Instant, timeout};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// What becomes of an attempt, told by the last number of its address.
    #[derive(Clone, Copy)]
    enum Fate {
        Silent,
        Answers(Duration),
        Refuses(Duration),
    }

    struct Scripted {
        fates: Vec<Fate>,
        start: Instant,
        began_at_ms: Mutex<Vec<(u8, u128)>>,
        pending: AtomicUsize,
    }

    /// Counts an attempt as long as nobody has dropped it.
    struct Pending<'a>(&'a AtomicUsize);

    impl Drop for Pending<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[async_trait]
    impl Connector for Scripted {
        async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
            Ok(Vec::new())
        }

        async fn connect(&self, address: SocketAddr) -> io::Result<Box<dyn ByteStream>> {
            let number = match address.ip() {
                IpAddr::V4(ip) => ip.octets()[3],
                IpAddr::V6(ip) => ip.octets()[15],
            };
            let began_at_ms = self.start.elapsed().as_millis();
            self.began_at_ms
                .lock()
                .expect("nobody has panicked")
                .push((number, began_at_ms));
            self.pending.fetch_add(1, Ordering::Relaxed);
            let _pending = Pending(&self.pending);
            match self.fates[usize::from(number)] {
                Fate::Silent => std::future::pending().await,
                Fate::Answers(after) => {
                    sleep(after).await;
                    Ok(Box::new(tokio::io::duplex(1).0))
                }
                Fate::Refuses(after) => {
                    sleep(after).await;
                    Err(io::Error::other(format!("no {number}")))
                }
            }
        }
    }

    /// Addresses `192.0.2.N`, or `2001:db8::N` where N is negative.
    fn addresses(numbers: &[i16]) -> Vec<SocketAddr> {
        let address = |number: &i16| {
            let ip = if *number < 0 {
                format!("[2001:db8::{:x}]", number.unsigned_abs())
            } else {
                format!("192.0.2.{number}")
            };
            format!("{ip}:443").parse().expect("an address")
        };
        numbers.iter().map(address).collect()
    }

    struct Outcome {
        result: Result<(), String>,
        took_ms: u128,
        began_at_ms: Vec<(u8, u128)>,
    }

    /// Dials addresses with these fates, the first of them that of number 0.
    async fn dial(numbers: &[i16], fates: &[Fate]) -> Outcome {
        let connector = Scripted {
            fates: fates.to_vec(),
            start: Instant::now(),
            began_at_ms: Mutex::default(),
            pending: AtomicUsize::new(0),
        };
        let progress = RefCell::default();
        let addresses = addresses(numbers);
        let dialed = connect_first(&connector, &addresses, |report| {
            *progress.borrow_mut() = report.to_string();
        });
        let result = match timeout(Duration::from_secs(10), dialed).await {
            Ok(Ok(_stream)) => Ok(()),
            Ok(Err(report)) => Err(report.to_string()),
            Err(_elapsed) => Err(format!("gave up: {}", progress.borrow())),
        };
        assert_eq!(
            connector.pending.load(Ordering::Relaxed),
            0,
            "losers are dropped"
        );
        Outcome {
            result,
            took_ms: connector.start.elapsed().as_millis(),
            began_at_ms: connector
                .began_at_ms
                .into_inner()
                .expect("nobody has panicked"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_address_hides_no_live_one() {
        use Fate::{Answers, Silent};
        let found = dial(&[0, 1], &[Silent, Answers(30 * MS)]).await;
        assert_eq!(found.result, Ok(()));
        assert_eq!(found.began_at_ms, [(0, 0), (1, 250)]);
        assert_eq!(found.took_ms, 280);

        let found = dial(&[0, 1, 2, 3], &[Silent, Silent, Silent, Answers(MS)]).await;
        assert_eq!(found.result, Ok(()));
        assert_eq!(found.began_at_ms, [(0, 0), (1, 250), (2, 500), (3, 750)]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_answer_wins_and_a_slow_address_keeps_its_chance() {
        use Fate::{Answers, Silent};
        let found = dial(&[0, 1], &[Answers(400 * MS), Silent]).await;
        assert_eq!((found.result, found.took_ms), (Ok(()), 400));
        let found = dial(&[0, 1], &[Answers(249 * MS), Answers(MS)]).await;
        assert_eq!((found.result, found.took_ms), (Ok(()), 249));
        assert_eq!(found.began_at_ms, [(0, 0)], "nobody else is bothered");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_not_waited_upon() {
        use Fate::{Answers, Refuses};
        let found = dial(&[0, 1, 2], &[Refuses(MS), Refuses(MS), Answers(MS)]).await;
        assert_eq!((found.result, found.took_ms), (Ok(()), 3));
    }

    #[tokio::test(start_paused = true)]
    async fn what_became_of_each_address_is_told() {
        use Fate::{Refuses, Silent};
        let found = dial(&[0, -1], &[Refuses(MS), Refuses(MS)]).await;
        let report = "192.0.2.0: no 0, 2001:db8::1: no 1".to_owned();
        assert_eq!(found.result, Err(report));
        let found = dial(&[0, -1], &[Refuses(MS), Silent]).await;
        let report = "gave up: 192.0.2.0: no 0, 2001:db8::1: no answer".to_owned();
        assert_eq!(found.result, Err(report));
        let found = dial(&[], &[]).await;
        assert_eq!(found.result, Err("its name has no address".to_owned()));
        let many: Vec<_> = (0..200).collect();
        let report = dial(&many, &[Refuses(MS); 200]).await.result;
        let report = report.expect_err("all refuse");
        assert!(report.ends_with(", and 26 more addresses"), "{report}");
        assert!(report.len() < 200, "{report}");
    }

    #[test]
    fn families_take_turns() {
        let check = |given: &[i16], expected: &[i16]| {
            assert_eq!(in_turn(&addresses(given)), addresses(expected));
        };
        check(&[1, 2, 3, -4, -5], &[1, -4, 2, -5, 3]);
        check(&[-1, -2, -3, 4], &[-1, 4, -2, -3]);
        check(&[1, -1, 2, -2], &[1, -1, 2, -2]);
        check(&[7], &[7]);
        check(&[7, 7, -7, 7], &[7, -7]);
        check(&[], &[]);
    }
}
