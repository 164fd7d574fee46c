//! Searches of fenced tables that go to their indexes, where the DBA has said that they may: which do, what they
//! show, and that nothing else gets before the fence with them.

mod attacks;
mod equal;
mod ground;
mod others;
mod plans;
mod setting;
