//! Carries out the rounds: every load on every peer, one after the other, so that what else the machine does falls on
//! all of them alike.

use std::io;
use std::net::SocketAddr;

use crate::cores::Cores;
use crate::findings::Findings;
use crate::listener::printed_address;
use crate::load::{Load, Loader, Outcome};
use crate::peers::{Kind, Peer, Place};
use crate::process::Process;
use crate::scenarios::{Run, Scenario};

/// The figures that are taken before the first round and after the last.
pub(crate) const MEMORY: [&str; 2] = ["memory, idle", "memory, after the load"];

/// Seconds.
const WARM_UP: f64 = 0.5;

/// The programs, as long as they run.
pub(crate) struct Bench {
    peers: Vec<Peer>,
    cores: Option<Cores>,
    provider: SocketAddr,
    #[expect(dead_code, reason = "ended on drop, after the peers that call it")]
    mock: Process,
}

impl Bench {
    /// Starts the mock and the peers.
    pub(crate) fn start(cores: Option<Cores>, kinds: &[Kind]) -> io::Result<Self> {
        let mut mock = Process::start_mode(cores.map(|cores| cores.around).as_slice(), &["mock", "0"])?;
        let provider = printed_address(&mut mock)?;
        let place = Place { cores: cores.map(|cores| cores.gateway).into_iter().collect(), upstream: provider };
        let peers = kinds.iter().map(|&kind| Peer::start(kind, &place)).collect::<io::Result<_>>()?;
        Ok(Self { peers, cores, provider, mock })
    }

    pub(crate) fn run(&self, rounds: u32, scenarios: &[Scenario]) -> io::Result<Findings> {
        let mut findings = Findings::default();
        self.weigh(MEMORY[0], &mut findings)?;
        self.warm_up()?;
        for round in 0..rounds {
            eprintln!("round {} of {rounds}", round + 1);
            for scenario in scenarios {
                self.go_through(scenario, round, &mut findings)?;
            }
        }
        self.weigh(MEMORY[1], &mut findings)?;
        Ok(findings)
    }

    /// Fills pools and caches of code with calls that do not count.
    fn warm_up(&self) -> io::Result<()> {
        let load = Load::closed(64, WARM_UP);
        self.peers.iter().try_for_each(|peer| self.load(peer.address, &load).map(drop))
    }

    fn weigh(&self, figure: &str, findings: &mut Findings) -> io::Result<()> {
        for peer in &self.peers {
            findings.samples.add(figure, peer.kind, 0, peer.memory()? as f64 / 1e6);
        }
        Ok(())
    }

    /// One load on all that can do it, beginning with another peer each round.
    fn go_through(&self, scenario: &Scenario, round: u32, findings: &mut Findings) -> io::Result<()> {
        let mut direct = None;
        if scenario.direct {
            let outcome = self.load(self.provider, &scenario.load)?;
            findings.keep(scenario, None, round, None, &outcome);
            direct = Some(outcome);
        }
        let (later, sooner) = self.peers.split_at(round as usize % self.peers.len());
        let able = |peer: &&Peer| scenario.only.is_none_or(|only| only == peer.kind);
        for peer in sooner.iter().chain(later).filter(able) {
            let mut loader = self.loader(peer.address, &scenario.load)?;
            let before = peer.cpu_time()?;
            let outcome = loader.run()?;
            let cpu = peer.cpu_time()? - before;
            findings.keep(scenario, Some(peer.kind), round, Some(cpu), &outcome);
            let run = Run { outcome, direct: direct.clone(), cpu };
            for figure in &scenario.figures {
                findings.samples.add(&figure.name, peer.kind, round, (figure.of)(&run));
            }
        }
        Ok(())
    }

    fn load(&self, address: SocketAddr, load: &Load) -> io::Result<Outcome> {
        self.loader(address, load)?.run()
    }

    fn loader(&self, address: SocketAddr, load: &Load) -> io::Result<Loader> {
        Loader::start(self.cores.map(|cores| cores.around), address, load)
    }
}
