//! Promises that are checked over generated cases, through the real gateway: hidden is hidden, limits hold over a bad
//! network, and the language's examples come out at the gateway as everywhere else.

mod generate;
mod hidden;
mod histories;
mod upstream;
mod vectors;
