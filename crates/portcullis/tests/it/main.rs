//! The product's own guards and end-to-end tests, in one binary.

mod layering;
