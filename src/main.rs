//! The `spanql` command: the allocator and the exit code. Everything else is the library's `cli`.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    std::process::exit(i32::from(spanql::cli::run(std::env::args_os())));
}
