package queue

import _ "embed"

//go:embed asyncapi.yaml
var asyncAPI string

// AsyncAPI returns the description of the queue in AsyncAPI 3.0, as YAML.
func AsyncAPI() string { return asyncAPI }
