package instance

// nobodyListens tells a dial error which means that there is no host from one that means trouble.
// Windows has several words for a missing socket and for one that was left behind; mistaking
// trouble for them costs no more than a host which is started and finds the lock taken.
func nobodyListens(error) bool { return true }
