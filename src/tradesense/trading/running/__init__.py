"""The engine as a process: what it loads, what one commit of it holds, what wakes it."""
