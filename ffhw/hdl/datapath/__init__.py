"""What engines are made of: lanes, multiply-accumulate arrays, buffers, tables, beats."""
