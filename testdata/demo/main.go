// A small command line program, here for the go.sum that comes with it.
package main

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

func main() {
	command := &cobra.Command{
		Use: "demo",
		Run: func(*cobra.Command, []string) { fmt.Println(uuid.New()) },
	}
	cobra.CheckErr(command.Execute())
}
