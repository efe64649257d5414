// Command riverstones is the whole product in one binary; `riverstones help`
// tells what it can do.
package main

import (
	"os"
	_ "time/tzdata" // time zones, for images that have none

	"github.com/riverstones/riverstones/cmd/internal/cli"
)

// version is set by the linker in releases.
var version string

func main() { os.Exit(cli.Main(version)) }
