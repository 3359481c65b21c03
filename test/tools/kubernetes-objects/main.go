// Command kubernetes-objects decodes files of Kubernetes objects strictly, with the types of the API server's own modules: a field that
// does not exist or has a value of another type is an error. It needs neither a cluster nor downloaded schemas.
//
//	kubernetes-objects FILE...
//
// It prints one line for each object that is wrong, or of a kind that Kubernetes itself does not have, then how many there were. Its exit
// status is 1 if any is wrong.
package main

import (
	"bytes"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/client-go/kubernetes/scheme"
)

func main() {
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme,
		json.SerializerOptions{Yaml: true, Strict: true})
	objects, wrong := 0, 0
	for _, path := range os.Args[1:] {
		text, err := os.ReadFile(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		for _, object := range bytes.Split(append([]byte("\n"), text...), []byte("\n---\n")) {
			if len(bytes.TrimSpace(object)) == 0 {
				continue
			}
			objects++
			_, kind, err := decoder.Decode(object, nil, nil)
			switch {
			case runtime.IsNotRegisteredError(err):
				fmt.Printf("%s: %s is not known here\n", path, kind.GroupKind())
			case err != nil:
				wrong++
				fmt.Printf("%s: %v\n", path, err)
			}
		}
	}
	fmt.Printf("%d objects, %d wrong\n", objects, wrong)
	if wrong > 0 {
		os.Exit(1)
	}
}
