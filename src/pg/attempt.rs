//! Work in a subtransaction: a statement that may turn out to be impossible, and work that must leave
//! nothing behind.

use pgrx::{Spi, pg_sys};

use super::throw::{self, Waiting};

/// Runs one of our statements in a subtransaction; false where what it names or its types have
/// changed, or where it never could be, and then nothing has happened. Every other error (a lock, a
/// cancel) is the caller's.
pub(crate) fn execute(statement: &str) -> bool {
    let inside = Subtransaction::begin();
    match throw::contain(|| Spi::connect_mut(|client| client.update(statement, None, &[]).is_ok())) {
        Ok(done) => {
            inside.end(done);
            done
        }
        Err(error) => {
            let error = inside.undo(error);
            if !is_about_the_statement(error.code()) {
                error.go_on();
            }
            false
        }
    }
}

/// Runs work that only reads, in a subtransaction that is undone; what goes wrong with a value in it comes
/// back as the error's message.
pub(crate) fn read<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let inside = Subtransaction::begin();
    match throw::contain(work) {
        Ok(result) => {
            inside.end(false);
            Ok(result)
        }
        Err(error) => {
            let error = inside.undo(error);
            if !is_about_the_statement(error.code()) {
                error.go_on();
            }
            Err(error.message())
        }
    }
}

/// Runs work in a subtransaction, which its failure undoes; SQLSTATE and message of that come back. Not where the
/// session is being stopped, or the whole statement: that is the caller's.
pub(crate) fn each<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    in_subtransaction(work, true)
}

/// The same, and undoes what succeeds too.
pub(crate) fn trial<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    in_subtransaction(work, false)
}

fn in_subtransaction<T>(work: impl FnOnce() -> T, keep: bool) -> Result<T, String> {
    let inside = Subtransaction::begin();
    match throw::contain(work) {
        Ok(result) => {
            inside.end(keep);
            Ok(result)
        }
        Err(error) => {
            let error = inside.undo(error);
            // Operator intervention, a cancel among them.
            if error.code() & CLASS == throw::sqlstate_code("57000") & CLASS {
                error.go_on();
            }
            Err(format!("{}: {}", throw::sqlstate_of_code(error.code()), error.message()))
        }
    }
}

/// `ERRCODE_TO_CATEGORY`: the lower twelve bits are the class.
const CLASS: i32 = 0xFFF;

/// Whether an error says that the statement can't be: a name, type or construct (class 42), a value (22), a
/// feature (0A), a schema (3F) or a limit of the server's (54). By class, as there are dozens of codes, and one that is left out would keep
/// the caller from ever getting past the statement.
fn is_about_the_statement(code: i32) -> bool {
    let class = |state: &str| throw::sqlstate_code(state) & CLASS;
    ["42000", "22000", "0A000", "3F000", "54000"].map(class).contains(&(code & CLASS))
}

/// Runs work that only reads, and takes back whatever it did beside: locks, settings, the user. An
/// error in it is the caller's.
pub(crate) fn undone<T>(work: impl FnOnce() -> T) -> T {
    let inside = Subtransaction::begin();
    match throw::contain(work) {
        Ok(result) => {
            inside.end(false);
            result
        }
        Err(error) => inside.undo(error).go_on(),
    }
}

struct Subtransaction {
    memory: pg_sys::MemoryContext,
    owner: pg_sys::ResourceOwner,
}

impl Subtransaction {
    fn begin() -> Self {
        // SAFETY: a variable of the server's, in the backend's only thread.
        let memory = unsafe { pg_sys::CurrentMemoryContext };
        // SAFETY: as above.
        let owner = unsafe { pg_sys::CurrentResourceOwner };
        // SAFETY: inside a transaction; ended by `end`, or by the abort of the transaction.
        unsafe { pg_sys::BeginInternalSubTransaction(std::ptr::null()) };
        // SAFETY: the context that was current; the subtransaction's own would go with it.
        unsafe { pg_sys::CurrentMemoryContext = memory };
        Self { memory, owner }
    }

    /// Ends it after an error, which is then the caller's to judge, in the caller's memory. The server would not
    /// end it: an error that got past us would leave the session inside it, refusing everything.
    fn undo(self, error: Waiting) -> Waiting {
        // SAFETY: the context that was current when it began, and that outlives it.
        unsafe { pg_sys::CurrentMemoryContext = self.memory };
        let error = error.copied();
        self.end(false);
        error
    }

    fn end(self, keep: bool) {
        if keep {
            // SAFETY: the subtransaction that `begin` began is the current one.
            unsafe { pg_sys::ReleaseCurrentSubTransaction() };
        } else {
            // SAFETY: as above; it undoes the settings, locks and connections of what it did.
            unsafe { pg_sys::RollbackAndReleaseCurrentSubTransaction() };
        }
        // SAFETY: what was current before.
        unsafe { pg_sys::CurrentMemoryContext = self.memory };
        // SAFETY: as above.
        unsafe { pg_sys::CurrentResourceOwner = self.owner };
    }
}
