//! Keys.
use super::args::Args;
use super::spec::{Begin, Command, Find};
pub(crate) fn for_each(command: &Command, args: &Args<'_>, mut f: impl FnMut(usize)) {
    for k in command.keys {
        let Begin::At(at) = k.begin else { continue };
        match k.find {
            Find::Range { last, step, .. } => {
                let last = if last < 0 { args.len() as i64 + i64::from(last) } else { i64::from(at) + i64::from(last) };
                let mut i = i64::from(at);
                while i <= last { f(i as usize); i += i64::from(step); }
            }
            Find::Counted { count, first, step } => {
                let n = args.integer(at as usize + count as usize).unwrap_or(0);
                for j in 0..n { let i = at as usize + first as usize + j as usize * step as usize; if i < args.len() { f(i) } }
            }
            Find::Unknown => {}
        }
    }
}
