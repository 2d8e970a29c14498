"""Drawing counts, exactly: random words, temperature, truncation, multinomial and hypergeometric counts."""
