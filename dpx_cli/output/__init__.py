"""What a person, a pipe and a program get to see: stdout is data, stderr is talk."""
