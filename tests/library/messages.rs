//! Messages that the program publishes to its server's clients.

use scrubjay_server::TestServer;
use scrubjay_server::config::Config;
use scrubjay_tests::patience::{GENEROUS, poll};
use scrubjay_tests::wire::Reply;

use super::{ask, bulk, connect};

#[test]
fn a_program_publishes_to_subscribers_on_every_thread() {
    let server = TestServer::with_config(Config::default().with("io-threads", "3").expect("a number"));
    let publisher = server.publisher();
    assert_eq!(publisher.publish("c", "nobody hears"), 0);
    let mut clients: Vec<_> = (0..6).map(|_| connect(&server)).collect();
    for client in &mut clients {
        ask(client, "SUBSCRIBE c");
    }
    ask(&mut clients[5], "PSUBSCRIBE c*");
    ask(&mut clients[4], "SSUBSCRIBE c");
    assert_eq!(
        (publisher.subscribers("c"), publisher.shard_subscribers("c"), publisher.patterns()),
        (6, 1, 1)
    );
    assert_eq!(publisher.channels(), [b"c".to_vec()]);
    for number in 0..100 {
        assert_eq!(publisher.publish("c", number.to_string()), 7);
    }
    assert_eq!(publisher.publish_to_shard("c", b"\xff"), 1);
    assert_eq!(publisher.publish("cx", "p"), 1);
    for (at, client) in clients.iter_mut().enumerate() {
        for number in 0..100 {
            let number = bulk(&number.to_string());
            let message = [bulk("message"), bulk("c"), number.clone()];
            assert_eq!(client.read(GENEROUS), Ok(Reply::Array(message.into())));
            if at == 5 {
                let message = [bulk("pmessage"), bulk("c*"), bulk("c"), number];
                assert_eq!(client.read(GENEROUS), Ok(Reply::Array(message.into())));
            }
        }
    }
    let message = Reply::Array(vec![bulk("smessage"), bulk("c"), Reply::Bulk(vec![0xff])]);
    assert_eq!(clients[4].read(GENEROUS), Ok(message));
    let message = Reply::Array(vec![bulk("pmessage"), bulk("c*"), bulk("cx"), bulk("p")]);
    assert_eq!(clients[5].read(GENEROUS), Ok(message));
    drop(clients);
    let nobody = || publisher.subscribers("c") == 0 && publisher.patterns() == 0;
    poll(GENEROUS, || nobody().then_some(())).expect("they are gone");
    let publisher = publisher.clone();
    drop(server);
    assert_eq!(publisher.publish("c", "nobody is there"), 0);
}
