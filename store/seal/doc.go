// Package seal keeps secrets out of the database. [New] wraps a store: secret
// values of params and outputs are sealed on the way in, with authenticated
// encryption bound to their task, and opened on the way out; reasons and log
// lines that repeat a secret are masked for good. What is secret says package
// task, by the name of a member, and the stone, by its NoEcho params.
//
// It does not mask what is shown, which is the gateway's work, and it seals
// nothing in the queue. The binary puts it around its store.
//
// A sealed value stands in its document as the string
//
//	$sealed:1:<key id>:<nonce and ciphertext in base64url>
//
// in place of the value of a secret member, of a whole string that holds a
// document with secrets, or of a document that is no JSON. What is opened is
// so byte for byte what was sealed.
package seal
