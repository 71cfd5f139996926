pub(crate) enum Error {
    Syntax,
}
