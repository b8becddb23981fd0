use shadowcat::{connect, serve};
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let at = args.iter().position(|a| a == "--").unwrap();
    let child = connect::Command::new(&args[at + 1]).args(&args[at + 2..]).spawn().unwrap();
    let r = serve::stdio(child.clone()).run().await;
    child.shutdown().await;
    if let Err(e) = r { eprintln!("{e}"); std::process::exit(1) }
}
