//! What the commands write on the terminal: headings, and progress while something takes its time.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use console::style;
use indicatif::{ProgressBar, ProgressStyle};

/// A line that says what begins.
pub(crate) fn heading(text: &str) {
    println!("\n{} {}", style("▌").cyan().bold(), style(text).bold());
}

/// A line that says what is being done.
pub(crate) fn note(text: &str) {
    println!("  {text}");
}

/// Progress of something whose end is in sight, or not: a bar on a terminal, a line now and then elsewhere.
pub(crate) struct Progress {
    bar: ProgressBar,
    what: String,
    began: Instant,
    told: Instant,
}

impl Progress {
    /// Begins. Without a length it only shows that it is alive.
    pub(crate) fn new(what: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_style(template("  {spinner:.cyan} {prefix} {elapsed:.dim} {wide_msg:.dim}"));
        bar.set_prefix(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, what: what.to_owned(), began: Instant::now(), told: Instant::now() }
    }

    /// So many of so many are done, the last of them this.
    pub(crate) fn at(&mut self, done: usize, total: usize, last: &str) {
        if self.bar.length().is_none() {
            let form = "  {prefix} {bar:24.cyan/dim} {pos}/{len} {elapsed:.dim} {wide_msg:.dim}";
            self.bar.set_style(template(form).progress_chars("━━╌"));
            self.bar.set_length(total as u64);
        }
        self.bar.set_position(done as u64);
        self.step(last, || format!("{done} of {total}, {last}"));
    }

    /// This is what it is busy with.
    pub(crate) fn busy(&mut self, with: &str) {
        self.step(with, || with.to_owned());
    }

    fn step(&mut self, message: &str, line: impl Fn() -> String) {
        self.bar.set_message(message.to_owned());
        if !std::io::stderr().is_terminal() && self.told.elapsed() > Duration::from_secs(10) {
            note(&format!("{}: {} ({:.0} s)", self.what, line(), self.began.elapsed().as_secs_f32()));
            self.told = Instant::now();
        }
    }

    /// Ends, leaving one line.
    pub(crate) fn done(self) {
        self.bar.finish_and_clear();
        let seconds = self.began.elapsed().as_secs_f32();
        println!("  {} {} {}", style("✓").green(), self.what, style(format!("{seconds:.1} s")).dim());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn template(form: &str) -> ProgressStyle {
    ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar())
}
