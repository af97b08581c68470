// Loaded into the program before its own code (NODE_OPTIONS=--import): SIGUSR2 is a bug in it.
process.on('SIGUSR2', () => {
  setImmediate(() => {
    throw new Error('a bug');
  });
});
