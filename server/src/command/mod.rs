pub(crate) mod spec;
pub(crate) struct Ctx<'a> {
    _x: &'a (),
}
pub(crate) type Handler = fn(&mut Ctx<'_>) -> Result<(), crate::error::Error>;
