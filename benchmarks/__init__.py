"""What `make bench` runs: footpath against hand-written SQL, against itself on a longer history, against others."""
