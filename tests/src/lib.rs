//! The harness: servers under test, a raw client, transcripts.
