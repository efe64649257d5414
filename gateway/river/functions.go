package river

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/riverstones/riverstones/store"
)

// functions are those that parameters may call.
type functions struct{ s *step }

// ProcessOutputs returns what the nodes of a namespace of another process gave
// back, running or ended: Fn::GetProcessOutputs.
func (f functions) ProcessOutputs(ctx context.Context, processInstanceID, namespace string) (jsontext.Value, error) {
	rows, err := f.s.rt.store.Variables(ctx, processInstanceID)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if rows[i].Name != OutputsPrefix+namespace {
			continue
		}
		v, err := valueOf(&rows[i])
		if err != nil {
			return nil, err
		}
		return v.JSON(), nil
	}
	if _, total, err := f.s.rt.store.Instances(ctx, store.InstanceFilter{ID: processInstanceID}); err != nil || total > 0 {
		return nil, errors.Join(err, errors.New("process "+processInstanceID+" has no outputs in namespace "+namespace))
	}
	return nil, errors.New("process " + processInstanceID + " does not exist")
}
