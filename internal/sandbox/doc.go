// Package sandbox holds the words every other package speaks and the contract every backend keeps.
//
// A [Backend] makes sandboxes: isolated machines, in the cloud or in this process. A [Session] is our live hold on one of
// them. Inside a session live code contexts ([CodeContext]): the variables, imports and working folder of one interpreter.
// A [Run] is one execution of code in a context and gives a [Result].
//
// The package imports nothing but the standard library. Backends implement it, the interpreter and the pool's owner use it,
// and the suite in sandboxtest says in code what the prose here says in words.
package sandbox
