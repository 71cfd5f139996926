//! DEBUG HTSTATS and HTSTATS-KEY: how hash tables are filled, in Valkey's form. A bucket here has twelve
//! entries to Valkey's seven, and no table is ever rehashed as a whole.

use std::fmt::Write;

use scrubjay::Lookup;
use scrubjay::collections::table::Figures;

use crate::command::Ctx;
use crate::error::Error;

pub(super) fn htstats(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let db = i32::try_from(ctx.args.integer(2)?).ok().and_then(|db| u16::try_from(db).ok());
    let db =
        db.filter(|db| *db < ctx.shared.store.databases()).ok_or(Error::Text("ERR Out of range database"))?;
    let mut text = String::from("[Dictionary HT]\n");
    let full = ctx.args.is(3, "full");
    describe(&mut text, &ctx.view.table_figures(db), full);
    text.push_str("[Expires HT]\n");
    let volatile = ctx.view.len(db).1;
    // Deadlines lie in wheels, which have neither buckets nor chains.
    describe(&mut text, &Figures { entries: volatile, lanes: volatile, chains: Vec::new() }, false);
    ctx.reply.verbatim(*b"txt", text);
    Ok(())
}

pub(super) fn htstats_key(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(2);
    if !ctx.view.exists(key, Lookup::Ask) {
        return Err(Error::NoSuchKey);
    }
    let figures = ctx.view.value_table_figures(key).ok_or(Error::Text(
        "ERR The value stored at the specified key is not represented using an hash table",
    ))?;
    let mut text = String::new();
    describe(&mut text, &figures, ctx.args.is(3, "full"));
    ctx.reply.verbatim(*b"txt", text);
    Ok(())
}

/// Nothing of a table without entries.
fn describe(text: &mut String, figures: &Figures, full: bool) {
    let Figures { entries, lanes, chains } = figures;
    if *entries == 0 {
        return;
    }
    let mut line =
        |line: std::fmt::Arguments<'_>| writeln!(text, "{line}").expect("invariant: a string takes it");
    line(format_args!("Hash table 0 stats (main hash table):"));
    line(format_args!(" table size: {lanes}"));
    line(format_args!(" number of entries: {entries}"));
    line(format_args!(" rehashing index: -1"));
    if !full {
        return;
    }
    let buckets: usize = chains.iter().sum();
    let children: usize = chains.iter().enumerate().map(|(length, count)| length * count).sum();
    line(format_args!(" top-level buckets: {buckets}"));
    line(format_args!(" child buckets: {children}"));
    line(format_args!(" max chain length: {}", chains.len().saturating_sub(1)));
    line(format_args!(" avg chain length: {:.6}", children as f64 / buckets.max(1) as f64));
    line(format_args!(" chain length distribution:"));
    for (length, count) in chains.iter().enumerate().filter(|(_, count)| **count > 0) {
        line(format_args!("   {length}: {count} ({:.2}%)", *count as f64 * 100.0 / buckets as f64));
    }
}
