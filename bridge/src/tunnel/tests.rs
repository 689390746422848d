//! Sites, tunnels and a broker on virtual time; the members are those of the core.

mod day;
mod rules;
mod sites;
mod world;
