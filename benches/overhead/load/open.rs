//! The open loop: calls are due at fixed instants, whether or not earlier ones have been answered, and latency counts
//! from the instant at which a call was due. A gateway that stalls is charged for every call that it kept waiting.

use std::io;
use std::thread;
use std::time::Duration;

use nix::sys::prctl;

use super::{GRACE, Line, Session};
use crate::clock::{now_ns, sleep_until};

/// Time to open all connections before the first call is due.
const LEAD: Duration = Duration::from_millis(300);
const STACK: usize = 256 * 1024;

/// One thread per connection, each with every `connections`-th call.
pub(super) fn run(session: &Session, rate: f64) {
    let first_ns = now_ns() + LEAD.as_nanos() as u64;
    let gap_ns = 1e9 / rate;
    let calls = (session.load.seconds * rate) as u64;
    let connections = u64::from(session.load.connections);
    thread::scope(|scope| {
        for connection in 0..connections {
            let due = (connection..calls)
                .step_by(connections as usize)
                .map(move |call| first_ns + (call as f64 * gap_ns) as u64);
            let thread = thread::Builder::new().stack_size(STACK);
            if let Err(error) = thread.spawn_scoped(scope, move || keep_time(session, due)) {
                session.fail(&error);
            }
        }
    });
}

fn keep_time(session: &Session, due: impl Iterator<Item = u64>) {
    // The kernel may otherwise wake a sleeper 50 microseconds late.
    if let Err(error) = prctl::set_timerslack(1) {
        session.fail(&error);
    }
    let mut request = session.request();
    let mut line = warm(session).inspect_err(|error| session.fail(error)).ok();
    for due_ns in due {
        if now_ns() > due_ns + GRACE.as_nanos() as u64 {
            session.fail(&"overloaded: the call could not even be sent");
            continue;
        }
        sleep_until(due_ns);
        let bytes = session.next(&mut request);
        match call(session, line.take(), bytes, due_ns) {
            Ok(reusable) => line = reusable,
            Err(error) => session.fail(&error),
        }
    }
}

/// A connection on which one call has been made, so that connecting is not part of what is measured.
fn warm(session: &Session) -> io::Result<Line> {
    let mut line = Line::connect(session.address)?;
    line.call(session.next(&mut session.request()), |_| {})?;
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
