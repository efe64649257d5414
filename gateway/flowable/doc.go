// Package flowable serves River in the wire shapes of Flowable's REST API, so
// that a client written for Flowable works unchanged: deployments, process
// definitions, process instances, executions with their variables, user tasks,
// signals, history, and the external worker API. It knows no model and moves no
// token: a handler checks what came over HTTP in the order that Flowable checks
// it, makes one call of the runtime or a read of the store, and writes the
// answer. What is deployed here and what /process shows are the same.
//
// There is one file for each resource. The files call.go, body.go, form.go,
// page.go, pick.go and write.go hold what they share. Only package gateway
// mounts it.
package flowable
