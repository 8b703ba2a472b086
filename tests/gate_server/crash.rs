//! A gate that is killed leaves nothing in its cache that is not proven.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::support::layers::on;
use crate::support::proxy::TestModule;
use crate::support::response::Fault;
use crate::{World, hello};

/// What comes until the gate is gone.
fn get_for_as_long_as_it_lives(address: SocketAddr, path: &str) -> Vec<u8> {
    let mut answer = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(address) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(request.as_bytes());
        let _ = stream.read_to_end(&mut answer);
    }
    answer
}

fn files(folder: &str, world: &World) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![world.home.state().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn a_kill_in_the_middle_of_a_download_leaves_no_unproven_file_to_be_served() {
    let world = World::new();
    let hang = Fault::HangInBody { after_bytes: 100 };
    let layer = on(&hello().url("zip")).fault(hang);
    let server = world.proxy.serve().layer(layer).start();
    let gate = crate::support::gate::Gate::start(&world.home, &world.proxy, &server.url());
    let address = gate.address();
    let path = hello().url("zip");
    let client = std::thread::spawn(move || get_for_as_long_as_it_lives(address, &path));
    while files("incoming", &world).is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    gate.kill();
    assert!(!String::from_utf8_lossy(&client.join().unwrap()).contains(" 200 "));
    assert_eq!(files("download", &world), Vec::<PathBuf>::new());
    // What is left is no longer of use once nobody can be writing it.
    let left = files("incoming", &world);
    let file = std::fs::File::options().write(true).open(&left[0]).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(2 * 60 * 60))
        .unwrap();
    let gate = world.gate(&[]);
    assert_eq!(files("incoming", &world), Vec::<PathBuf>::new());
    assert_eq!(gate.get(&hello().url("zip")).body, hello().zip().write());
}

#[test]
fn kills_at_any_moment_leave_only_proven_files() {
    let world = World::new();
    let modules: Vec<TestModule> = (0..20)
        .map(|n| {
            let content = vec![n; 10_000 * usize::from(n)];
            TestModule::new(&format!("example.com/m{n}"), "v1.0.0").file("data.bin", content)
        })
        .collect();
    modules.iter().for_each(|module| world.proxy.add(module));
    let honest = |path: &PathBuf| {
        let path = path.strip_prefix(world.home.state().join("download"));
        world.proxy.file(&format!("/{}", path.unwrap().display()))
    };
    for round in 0..20 {
        let gate = world.gate(&[]);
        let address = gate.address();
        let clients: Vec<_> = modules
            .iter()
            .flat_map(|module| ["mod", "zip"].map(|extension| module.url(extension)))
            .map(|url| std::thread::spawn(move || get_for_as_long_as_it_lives(address, &url)))
            .collect();
        std::thread::sleep(Duration::from_millis(3 * round));
        gate.kill();
        for client in clients {
            client.join().unwrap();
        }
        for file in files("download", &world) {
            assert_eq!(
                Some(std::fs::read(&file).unwrap()),
                honest(&file),
                "{file:?}"
            );
        }
    }
    let gate = world.gate(&[]);
    for module in &modules {
        assert_eq!(gate.get(&module.url("zip")).body, module.zip().write());
    }
}
