//! The bus as its users see it: one suite on both back ends, and what happens when Redis or the process goes away.

#[cfg(test)]
mod both;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod death;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod support;
