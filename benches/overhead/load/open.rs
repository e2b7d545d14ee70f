//! The open loop: calls are due at fixed instants, whether or not earlier ones have been answered, and latency counts
//! from the instant at which a call was due. A gateway that stalls is charged for every call that it kept waiting.

use std::io;
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::Duration;

use nix::sys::prctl;

use super::{GRACE, Line, Session, cue};
use crate::clock::{now_ns, sleep_until};

/// Time for the threads to take note of when the first call is due.
const LEAD: Duration = Duration::from_millis(20);
const STACK: usize = 256 * 1024;

/// One thread per connection, each with every `connections`-th call.
pub(super) fn run(session: &Session, rate: f64) -> io::Result<()> {
    let calls = (session.load.seconds * rate) as u64;
    let connections = session.load.connections as usize;
    let (prepared, begin) = (Barrier::new(connections + 1), Barrier::new(connections + 1));
    let first_ns = OnceLock::new();
    let begun_ns = thread::scope(|scope| -> io::Result<_> {
        for connection in 0..connections {
            let (prepared, begin, first_ns) = (&prepared, &begin, &first_ns);
            thread::Builder::new().stack_size(STACK).spawn_scoped(scope, move || {
                let line = prepare(session);
                prepared.wait();
                begin.wait();
                let first_ns = *first_ns.get().expect("the time is set before they may begin");
                let calls = (connection as u64..calls).step_by(connections);
                keep_time(session, line, calls.map(|call| first_ns + (call as f64 / rate * 1e9) as u64));
            })?;
        }
        prepared.wait();
        cue::ready()?;
        session.begin()?;
        let lead_ns = u64::try_from(LEAD.as_nanos()).map_err(io::Error::other)?;
        let begun_ns = *first_ns.get_or_init(|| now_ns() + lead_ns);
        begin.wait();
        Ok(begun_ns)
    });
    let outcome = session.tally().outcome(begun_ns?);
    cue::done(&outcome)
}

fn prepare(session: &Session) -> Option<Line> {
    // The kernel may otherwise wake a sleeper 50 microseconds late.
    if let Err(error) = prctl::set_timerslack(1) {
        session.fail(&error);
    }
    warm(session).inspect_err(|error| session.fail(error)).ok()
}

fn keep_time(session: &Session, mut line: Option<Line>, due: impl Iterator<Item = u64>) {
    let mut request = session.request();
    for due_ns in due {
        if now_ns() > due_ns + GRACE.as_nanos() as u64 {
            session.fail(&"overloaded: the call could not even be sent");
            continue;
        }
        session.next(&mut request);
        sleep_until(due_ns);
        match call(session, line.take(), request.bytes(), due_ns) {
            Ok(reusable) => line = reusable,
            Err(error) => session.fail(&error),
        }
    }
}

/// A connection on which one call has been made, so that connecting is not part of what is measured.
fn warm(session: &Session) -> io::Result<Line> {
    let mut line = Line::connect(session.address)?;
    let mut request = session.request();
    session.next(&mut request);
    line.call(request.bytes(), |_| {})?;
    Ok(line)
}

/// Makes the call that is due and counts it; gives the line back unless the other side closes it.
fn call(session: &Session, line: Option<Line>, request: &[u8], due_ns: u64) -> io::Result<Option<Line>> {
    let mut line = match line {
        Some(line) => line,
        None => Line::connect(session.address)?,
    };
    let mut reception = session.reception(due_ns);
    let end = line.call(request, |body| reception.take(body))?;
    reception.end(end, &mut session.tally());
    Ok((!end.close).then_some(line))
}
