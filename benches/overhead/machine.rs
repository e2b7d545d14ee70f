//! Where and how the figures were taken.

use std::fmt;
use std::fs;
use std::time::SystemTime;

use serde::Serialize;

use crate::args::Pace;
use crate::peers::nginx_version;

#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    date: String,
    processor: String,
    cores: usize,
    kernel: String,
    nginx: Option<String>,
    tollgate: &'static str,
    rounds: u32,
    seconds: f64,
}

impl Machine {
    /// Before the benchmark pins itself to one core.
    pub(crate) fn new(pace: &Pace) -> Self {
        Self {
            date: httpdate::fmt_http_date(SystemTime::now()),
            processor: processor(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            nginx: nginx_version(),
            tollgate: env!("CARGO_PKG_VERSION"),
            rounds: pace.rounds(),
            seconds: pace.seconds(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, processor, cores, kernel, nginx, tollgate, rounds, seconds } = self;
        let nginx = nginx.as_deref().unwrap_or("not installed");
        write!(f, "{date}; {cores} x {processor}, Linux {kernel}; nginx {nginx}, Tollgate {tollgate}; ")?;
        write!(f, "rounds: {rounds}, seconds per load: {seconds}")
    }
}

fn processor() -> String {
    let known = read("/proc/cpuinfo");
    let mut models = known.lines().filter_map(|line| line.strip_prefix("model name")?.split_once(':'));
    models.next().map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default()
}
