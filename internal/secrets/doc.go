// Package secrets keeps the credentials of the AgentRun account: it finds them in the environment or in the operating system's
// keychain, puts them into the keychain, and sees that they are shown nowhere.
//
// A [Store] looks in the environment first, which is never written to, and then in the keychain. All that belongs to one account
// is taken from one place: a key from the keychain is never sent to an endpoint that somebody has put into the environment. The
// keychain has one entry of ours, named after the product, a small JSON object: Windows allows 2,560 bytes for it and macOS about
// 3,000, so [MaxSize] is 2,048.
//
// A keychain may ask its user a question before it answers, and cannot be told to stop. So each call has a time limit of its own,
// there is one at a time, and one that has not come back when its time is up is left to end alone; until it has, other calls are
// refused at once. A [KeychainError] says what to do about it.
//
// What a program of the same user could do all the same: ask the keychain, as this one does. The keychain protects against other
// users, against who reads the disk or a backup, and against what is copied out of a file by mistake.
package secrets
