// Package sandboxtest is the contract of package sandbox in code.
//
// [Run] and [RunInBubble] hold a backend to every sentence of the contract; each backend's own tests call one of them. [Fake]
// is a backend for the tests of everything above the contract: it keeps the contract, runs a tiny language of its own
// (see [Fake]), takes no time unless told to, lives in a synctest bubble, and fails on request.
package sandboxtest
