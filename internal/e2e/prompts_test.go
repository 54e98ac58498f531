//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// TestPromptsAndResourcesThroughTheRelay: an editor lists, completes and gets what the host offers beside tools.
func TestPromptsAndResourcesThroughTheRelay(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	inBothEras(t, func(t *testing.T, era string) {
		c := h.connect(t, era)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		id := c.create(t, "shop", "python")
		if r := c.run(t, id, "raise ValueError('no such shelf')"); r.success() {
			t.Fatalf("run_code = %v, want a failure", r)
		}

		prompts, err := c.ListPrompts(ctx, nil)
		if err != nil || len(prompts.Prompts) != 4 {
			t.Fatalf("prompts/list = %v, %v, want four", prompts, err)
		}
		explained, err := c.GetPrompt(ctx, &mcp.GetPromptParams{Name: "explain_error", Arguments: map[string]string{"context_id": id, "prompt_language": "zh"}})
		if err != nil || len(explained.Messages) != 2 {
			t.Fatalf("prompts/get explain_error = %v, %v, want the text and the run", explained, err)
		}
		if text, ok := explained.Messages[0].Content.(*mcp.TextContent); !ok || !strings.Contains(text.Text, "no such shelf") || !strings.Contains(text.Text, "请解释") {
			t.Errorf("explain_error says %v", explained.Messages[0].Content)
		}
		uri := allContexts + "/" + id
		if run, ok := explained.Messages[1].Content.(*mcp.EmbeddedResource); !ok || run.Resource.URI != uri+"/runs/1" || !strings.Contains(run.Resource.Text, "ValueError") {
			t.Errorf("explain_error embeds %v", explained.Messages[1].Content)
		}
		if _, err := c.GetPrompt(ctx, &mcp.GetPromptParams{Name: "plot_data"}); err == nil || !strings.Contains(err.Error(), "needs the argument file") {
			t.Errorf("plot_data without a file = %v", err)
		}

		done, err := c.Complete(ctx, &mcp.CompleteParams{
			Ref: &mcp.CompleteReference{Type: "ref/resource", URI: allContexts + "/{id}"}, Argument: mcp.CompleteParamsArgument{Name: "id", Value: "sho"},
		})
		if err != nil || len(done.Completion.Values) != 1 || done.Completion.Values[0] != id {
			t.Errorf("completion of a context's name = %v, %v, want %s", done, err, id)
		}
		list, err := c.ListResources(ctx, nil)
		if err != nil || len(list.Resources) != 3 || list.Resources[0].URI != allContexts || list.Resources[1].URI != thePool || list.Resources[2].URI != uri {
			t.Errorf("resources/list = %v, %v, want the contexts, the pool and %s", list, err, uri)
		}
		templates, err := c.ListResourceTemplates(ctx, nil)
		if err != nil || len(templates.ResourceTemplates) != 5 {
			t.Errorf("resources/templates/list = %v, %v, want five", templates, err)
		}
		pool, err := c.ReadResource(ctx, &mcp.ReadResourceParams{URI: thePool})
		if err != nil || !strings.Contains(pool.Contents[0].Text, `"backend":{"name":"local"`) {
			t.Errorf("read %s = %v, %v", thePool, pool, err)
		}
		c.do(t, "stop_context", args{"context_id": id})
	})
}
