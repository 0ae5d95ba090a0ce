//! A new or removed template must build the crate again; changed ones are tracked by what includes them.

fn main() {
    println!("cargo::rerun-if-changed=../../web/templates");
}
