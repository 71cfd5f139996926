//! Lua itself: small programs do in a script what they do in the original Lua 5.1, which `mlua` has built in.
//!
//! The programs stand in `programs/`, one per line. Each runs in a protected call, and all that it returns or
//! fails with is compared as text. What only differs in addresses is not compared.
#![forbid(unsafe_code)]

use std::path::Path;

use scrubjay_tests::server::{Backend, Server};
use scrubjay_tests::wire::Reply;

/// Runs the program that is its argument and tells of each result its type and its text.
const HARNESS: &str = r#"
local function run(source)
    local function show(...)
        local shown = {}
        for i = 1, select('#', ...) do
            local value = select(i, ...)
            local kind = type(value)
            if kind == 'string' or kind == 'number' or kind == 'boolean' or kind == 'nil' then
                shown[i] = kind .. ' ' .. tostring(value)
            else
                shown[i] = kind
            end
        end
        return table.concat(shown, '\n')
    end
    local program, wrong = loadstring(source, '=program')
    if not program then
        return 'does not compile: ' .. wrong
    end
    return show(pcall(program))
end
"#;

/// The programs of all files, with the file and the line of each.
fn programs() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("lua/programs");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the programs are there")
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    files.sort();
    files
        .iter()
        .flat_map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(path).expect("a readable file");
            let programs = text.lines().enumerate().filter(|(_, line)| !line.starts_with("--"));
            let programs: Vec<_> =
                programs.map(|(line, text)| (format!("{name}:{}", line + 1), text.to_owned())).collect();
            programs
        })
        .collect()
}

#[test]
fn scripts_do_what_they_do_in_the_original_lua() {
    // Without mlua's own `pcall`.
    let options = mlua::LuaOptions::new().catch_rust_panics(false);
    let lua = mlua::Lua::new_with(mlua::StdLib::ALL_SAFE, options).expect("a Lua");
    let run: mlua::Function = lua.load(format!("{HARNESS} return run")).eval().expect("the harness is Lua");
    let server = Server::start(Backend::Scrubjay).unwrap_or_else(|why| panic!("{why}"));
    let mut client = server.connect();
    let script = format!("{HARNESS} return run(ARGV[1])");
    let mut wrong = Vec::new();
    let programs = programs();
    for (place, program) in &programs {
        let original: mlua::LuaString = run.call(program.as_str()).expect("the harness does not fail");
        let original = original.as_bytes().to_vec();
        let ours = match client.command(&["EVAL", &script, "0", program]) {
            Ok(Reply::Bulk(bytes)) => bytes,
            other => format!("{other:?}").into_bytes(),
        };
        if ours != original {
            let [original, ours] =
                [&original, &ours].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            wrong.push(format!("{place}: {program}\n  the original says\n{original}\n  ours says\n{ours}\n"));
        }
    }
    assert!(programs.len() > 300, "only {} programs", programs.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), programs.len(), wrong.join("\n"));
}
