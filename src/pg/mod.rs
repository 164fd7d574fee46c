//! The boundary to the server: the only place with `unsafe`, each block with the fact it relies on.
#![allow(unsafe_code, reason = "the one room where the server is called")]

pub(crate) mod access;
pub(crate) mod adopted_row;
pub(crate) mod analysis;
pub(crate) mod attempt;
pub(crate) mod backend;
pub(crate) mod call_site;
pub(crate) mod catalog;
pub(crate) mod comparison;
pub(crate) mod copy_row;
pub(crate) mod entry;
pub(crate) mod epoch;
pub(crate) mod event;
pub(crate) mod executor;
pub(crate) mod expression;
pub(crate) mod fence_call;
pub(crate) mod fenced_column;
pub(crate) mod folding;
pub(crate) mod guc;
pub(crate) mod hook;
pub(crate) mod index_room;
pub(crate) mod index_search;
pub(crate) mod index_size;
pub(crate) mod journal;
pub(crate) mod kept_plan;
pub(crate) mod label;
pub(crate) mod list;
pub(crate) mod lookup;
pub(crate) mod new_row;
pub(crate) mod new_tuple;
pub(crate) mod noforce;
pub(crate) mod one_shot;
pub(crate) mod org_column;
pub(crate) mod own_table;
pub(crate) mod owner;
pub(crate) mod parent_row;
pub(crate) mod parse;
pub(crate) mod partial_check;
pub(crate) mod plan_item;
pub(crate) mod portal;
pub(crate) mod project_source;
pub(crate) mod query_text;
pub(crate) mod quick;
pub(crate) mod relation;
pub(crate) mod reliance;
pub(crate) mod report;
pub(crate) mod role;
pub(crate) mod row;
pub(crate) mod row_value;
pub(crate) mod running;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod signing_key;
pub(crate) mod size_class;
pub(crate) mod spi;
pub(crate) mod table_cache;
pub(crate) mod tally;
pub(crate) mod throw;
pub(crate) mod touch;
pub(crate) mod transaction;
pub(crate) mod types;
pub(crate) mod untriggered;
pub(crate) mod utility;
pub(crate) mod vetting;
pub(crate) mod walled;
pub(crate) mod watched;
pub(crate) mod xact;

/// Everything that has to be registered with the server, settings first: their check hooks judge
/// what was set before the library came.
pub(crate) fn init() {
    access::init();
    guc::init();
    index_size::init();
    index_search::define();
    guc::reserve_prefix();
    fence_call::init();
    org_column::init();
    one_shot::init();
    executor::init();
    index_search::init();
    utility::init();
    noforce::init();
    xact::init();
}
