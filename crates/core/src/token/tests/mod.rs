//! What is taken and what is refused, by the names of the attacks.

mod attacks;
mod claims;
mod forge;
mod keys;
mod mutations;
mod sets;
mod vectors;
