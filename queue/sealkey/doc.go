// Package sealkey seals secrets of a task to a stone: whoever publishes seals
// to the public key that the stone announces, and only its workers, who hold
// the private one, open. It is HPKE (RFC 9180) in base mode, single shot, with
// DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305.
//
// In place of the value stands {"$sealed":"1:<key id>:<base64url>"}: the
// encapsulated key and the ciphertext of the value's JSON text, bound to key
// and task. The queue, the store and the gateway pass it on and can not open
// it. PROTOCOL.md has the exact bytes.
//
// The package says nothing about secrets at rest in the database, which is
// store/seal's work. The gateway and the SDK of stones call it.
package sealkey
