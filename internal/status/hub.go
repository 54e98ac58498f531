package status

// Hub keeps the newest snapshot and hands it to any number of watchers.
type Hub = Latest[Snapshot]
